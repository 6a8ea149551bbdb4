// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"errors"
	"fmt"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// CompileError is one reason why a rule cannot be put in force.
type CompileError struct {
	// Reason is v1alpha1.ReasonInvalidExpression or v1alpha1.ReasonTooExpensive.
	Reason string
	// Field of the spec that is wrong, as in "findings" or "validations[1].expression".
	Field string
	// Line and Column of the error in that field, both from 1; 0 where there is no position.
	Line, Column int
	// Message says what is wrong there.
	Message string
}

func (e *CompileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Field, e.Message)
	}
	return fmt.Sprintf("%s, line %d, column %d: %s", e.Field, e.Line, e.Column, e.Message)
}

// Reason is the condition reason for an error of Compile: invalid weighs more than too
// expensive, since it has to be mended first. It is empty for nil and for any other error.
func Reason(err error) string {
	reason := ""
	for _, e := range CompileErrors(err) {
		if reason == "" || e.Reason == v1alpha1.ReasonInvalidExpression {
			reason = e.Reason
		}
	}
	return reason
}

// CompileErrors are the single errors that Compile has joined.
func CompileErrors(err error) []*CompileError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*CompileError
		for _, e := range joined.Unwrap() {
			all = append(all, CompileErrors(e)...)
		}
		return all
	}
	var one *CompileError
	if errors.As(err, &one) {
		return []*CompileError{one}
	}
	return nil
}
