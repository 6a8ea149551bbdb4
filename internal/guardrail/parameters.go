// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package guardrail

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// arguments are what the parameters of a rule are replaced with, by name: CEL of the
// parameter's type.
type arguments map[string]string

// maxParameters is how many bytes the parameters that an environment sets for a rule may
// have in all: every rendered policy and the environment's status hold them.
const maxParameters = 8 * 1024

// argumentsOf are the values that an environment sets, and for the rest the defaults. Its
// error joins every *SettingError.
func argumentsOf(guardrail string, spec v1alpha1.GuardrailSpec, settings []v1alpha1.ParameterSetting) (arguments, error) {
	all := arguments{}
	var errs []error
	refuse := func(parameter, message string) {
		errs = append(errs, &SettingError{Guardrail: guardrail, Parameter: parameter, Message: message})
	}
	for _, setting := range settings {
		if !slices.ContainsFunc(spec.Parameters, func(p v1alpha1.Parameter) bool { return p.Name == setting.Name }) {
			refuse(setting.Name, "it does not exist: "+declaredNames(spec.Parameters))
		}
	}
	if size := sizeOf(settings); size > maxParameters {
		refuse("", fmt.Sprintf("they have %d bytes in all, more than %d: shorten the lists", size, maxParameters))
	}
	for _, p := range spec.Parameters {
		i := slices.IndexFunc(settings, func(s v1alpha1.ParameterSetting) bool { return s.Name == p.Name })
		var value string
		var err error
		switch {
		case i >= 0:
			value, err = argumentOf(p, settings[i].Value, settings[i].Values)
		case isRequired(p):
			err = fmt.Errorf("it has no default and the environment sets none: set %s", expects(p))
		default:
			value, err = argumentOf(p, p.Default, p.Defaults)
		}
		if err != nil {
			refuse(p.Name, err.Error())
			continue
		}
		all[p.Name] = value
	}
	return all, errors.Join(errs...)
}

func sizeOf(settings []v1alpha1.ParameterSetting) int {
	size := 0
	for _, s := range settings {
		size += len(s.Name) + len(ptr.Deref(s.Value, ""))
		for _, item := range s.Values {
			size += len(item)
		}
	}
	return size
}

// plausibleArguments are the defaults, and a value of the type for a parameter without
// one: enough to check a rule by itself.
func plausibleArguments(spec v1alpha1.GuardrailSpec) arguments {
	all := arguments{}
	for _, p := range spec.Parameters {
		value, err := argumentOf(p, p.Default, p.Defaults)
		if err != nil || isRequired(p) {
			value = plausible(p)
		}
		all[p.Name] = value
	}
	return all
}

func plausible(p v1alpha1.Parameter) string {
	switch p.Type {
	case v1alpha1.ParameterInteger:
		n := int64(1)
		if p.Minimum != nil {
			n = max(n, *p.Minimum)
		}
		if p.Maximum != nil {
			n = min(n, *p.Maximum)
		}
		return intLiteral(n)
	case v1alpha1.ParameterBoolean:
		return "false"
	case v1alpha1.ParameterStringList:
		return typedList(p.Allowed)
	default:
		return stringLiteral(slices.Concat(p.Allowed, []string{"value"})[0])
	}
}

// checkParameters says what is wrong with the declarations themselves.
func checkParameters(parameters []v1alpha1.Parameter) error {
	var errs []error
	for i, p := range parameters {
		field := fmt.Sprintf("parameters[%d]", i)
		if _, err := regexp.Compile(p.Pattern); err != nil {
			errs = append(errs, invalid(field+".pattern", fmt.Sprintf("is no regular expression (RE2): %v", err)))
			continue
		}
		if isRequired(p) {
			continue
		}
		name := field + ".default"
		if p.Type == v1alpha1.ParameterStringList {
			name += "s"
		}
		if _, err := argumentOf(p, p.Default, p.Defaults); err != nil {
			errs = append(errs, invalid(name, err.Error()))
		}
	}
	return errors.Join(errs...)
}

// isRequired says whether an environment must set the parameter.
func isRequired(p v1alpha1.Parameter) bool {
	return p.Type != v1alpha1.ParameterStringList && p.Default == nil
}

// argumentOf reads a value as a parameter's type and holds it to the parameter's bounds.
func argumentOf(p v1alpha1.Parameter, value *string, values []string) (string, error) {
	if p.Type == v1alpha1.ParameterStringList {
		if value != nil {
			return "", fmt.Errorf("it is a list: set values instead of value, each of them %s", expects(p))
		}
		for _, item := range values {
			if err := within(p, item); err != nil {
				return "", err
			}
		}
		return typedList(values), nil
	}
	if value == nil {
		return "", fmt.Errorf("it is no list: set value instead of values, to %s", expects(p))
	}
	switch p.Type {
	case v1alpha1.ParameterInteger:
		n, err := strconv.ParseInt(*value, 10, 64)
		if err != nil || (p.Minimum != nil && n < *p.Minimum) || (p.Maximum != nil && n > *p.Maximum) {
			return "", unexpected(p, *value)
		}
		return intLiteral(n), nil
	case v1alpha1.ParameterBoolean:
		if *value != "true" && *value != "false" {
			return "", unexpected(p, *value)
		}
		return *value, nil
	default:
		return stringLiteral(*value), within(p, *value)
	}
}

// within holds a string to the allowed values and to the pattern.
func within(p v1alpha1.Parameter, item string) error {
	if len(p.Allowed) != 0 && !slices.Contains(p.Allowed, item) {
		return unexpected(p, item)
	}
	if p.Pattern != "" {
		pattern, err := regexp.Compile(p.Pattern)
		if err != nil || !pattern.MatchString(item) {
			return unexpected(p, item)
		}
	}
	return nil
}

func unexpected(p v1alpha1.Parameter, value string) error {
	return fmt.Errorf("%s is not %s", strconv.Quote(cut(value, maxText)), expects(p))
}

// expects says what a parameter, or each item of a list, may be.
func expects(p v1alpha1.Parameter) string {
	switch p.Type {
	case v1alpha1.ParameterInteger:
		switch {
		case p.Minimum != nil && p.Maximum != nil:
			return fmt.Sprintf("an integer from %d to %d", *p.Minimum, *p.Maximum)
		case p.Minimum != nil:
			return fmt.Sprintf("an integer of at least %d", *p.Minimum)
		case p.Maximum != nil:
			return fmt.Sprintf("an integer of at most %d", *p.Maximum)
		}
		return "an integer"
	case v1alpha1.ParameterBoolean:
		return "true or false"
	}
	text := "a string"
	if len(p.Allowed) != 0 {
		text = "one of " + strings.Join(p.Allowed, ", ")
	}
	if p.Pattern != "" {
		text += " that matches " + p.Pattern
	}
	return text
}

func declaredNames(parameters []v1alpha1.Parameter) string {
	if len(parameters) == 0 {
		return "the guardrail has no parameters"
	}
	names := make([]string, 0, len(parameters))
	for _, p := range parameters {
		names = append(names, p.Name)
	}
	return "the guardrail has " + strings.Join(names, ", ")
}
