// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/rampart-dev/rampart/api/v1alpha1"
)

// newest is the version of the API servers that are measured.
var newest = version.MajorMinor(1, 37)

// numbers are how many guardrails are measured, beginning with none.
var numbers = []int{0, 25, 100}

func main() {
	p := plan{load: loadNow()}
	flag.IntVar(&p.starts, "starts", 2, "how often the API server is started anew")
	flag.IntVar(&p.rounds, "rounds", 12, "how often the numbers of guardrails take turns in one API server")
	flag.IntVar(&p.requests, "requests", 200, "how many requests of each kind are counted in a turn, in each of two namespaces")
	flag.StringVar(&p.only, "only", "", "a part to measure alone, and print instead of writing it down: background, recovery or admission")
	flag.Parse()
	log.SetLogger(logr.Discard())
	if err := bench(context.Background(), p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// plan is how much is measured.
type plan struct {
	starts, rounds, requests int
	// only is the part that is measured; empty means all.
	only string
	// load is how many other programs wanted a core when it began.
	load float64
}

// parts of the benchmarks measure something each, and return it as tables by their names.
var parts = []struct {
	name    string
	measure func(ctx context.Context, all []v1alpha1.Guardrail, p plan) (map[string]string, error)
}{
	{"background", func(_ context.Context, all []v1alpha1.Guardrail, _ plan) (map[string]string, error) {
		figures, err := measureBackground(all)
		return map[string]string{"background": figures.table()}, err
	}},
	{"recovery", func(ctx context.Context, _ []v1alpha1.Guardrail, _ plan) (map[string]string, error) {
		figures, err := measureRecovery(ctx)
		return map[string]string{"recovery": figures.table()}, err
	}},
	{"admission", measureServers},
}

// bench measures what is asked for, and writes it down when that is everything.
func bench(ctx context.Context, p plan) error {
	all, err := readCatalogue()
	if err != nil {
		return err
	}
	tables := map[string]string{}
	for _, part := range parts {
		if p.only != "" && p.only != part.name {
			continue
		}
		say("%s", part.name)
		measured, err := part.measure(ctx, all, p)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		maps.Copy(tables, measured)
	}
	if len(tables) == 0 {
		return fmt.Errorf("-only %s: there is no such part", p.only)
	}
	show(tables)
	if p.only != "" {
		return nil
	}
	return write(tables)
}

// measureServers measures what needs API servers with and without guardrails.
func measureServers(ctx context.Context, all []v1alpha1.Guardrail, p plan) (map[string]string, error) {
	compared, err := candidates(inRequests(all))
	if err != nil {
		return nil, err
	}
	result := results{admission: newMeasured()}
	for i := range p.starts {
		say("admission, start %d of %d", i+1, p.starts)
		if err := result.measure(ctx, compared, p); err != nil {
			return nil, err
		}
	}
	result.machine.load = p.load
	return map[string]string{
		"machine":   result.machine.table(p),
		"admission": admissionTable(compared, result.admission),
		"cache":     cacheTable(result.cache),
	}, nil
}

// results are what is measured with an API server.
type results struct {
	admission measured
	cache     []cacheFigures
	machine   machine
}

// measure starts an API server, and adds what it measures to the results.
func (r *results) measure(ctx context.Context, compared []candidate, p plan) (err error) {
	server, err := startAPIServer(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.cluster.Stop()) }()
	if err := r.admission.measureAdmission(ctx, server, compared, p.rounds, p.requests); err != nil {
		return err
	}
	if r.cache, err = measureCache(ctx, server.api); err != nil {
		return err
	}
	r.machine, err = thisMachine(server.cluster.Config)
	return err
}

func say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"...\n", values...)
}
