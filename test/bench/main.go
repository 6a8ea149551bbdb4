// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// newest is the version of the API servers that are measured.
var newest = version.MajorMinor(1, 37)

// numbers are how many guardrails are measured, beginning with none.
var numbers = []int{0, 25, 100}

func main() {
	rounds := flag.Int("rounds", 25, "how often the API servers take turns")
	count := flag.Int("requests", 200, "how many requests an API server gets in each turn")
	flag.Parse()
	log.SetLogger(logr.Discard())
	if err := bench(context.Background(), *rounds, *count); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// bench measures everything and writes it down.
func bench(ctx context.Context, rounds, count int) (err error) {
	load := loadNow()
	all, err := readCatalogue()
	if err != nil {
		return err
	}
	say("background evaluation")
	background, err := measureBackground(all)
	if err != nil {
		return err
	}

	say("starting API servers")
	var candidates []*candidate
	defer func() {
		for _, c := range candidates {
			err = errors.Join(err, c.cluster.Stop())
		}
	}()
	for _, n := range numbers {
		c, err := start(ctx, n, inRequests(all))
		if err != nil {
			return err
		}
		candidates = append(candidates, c)
	}
	say("admission, %d rounds", rounds)
	samples, err := measureAdmission(ctx, candidates, rounds, count)
	if err != nil {
		return err
	}
	say("cache")
	cached, err := measureCache(ctx, candidates[0])
	if err != nil {
		return err
	}
	m, err := thisMachine(candidates[0].cluster.Config)
	if err != nil {
		return err
	}
	m.load = load
	tables := map[string]string{
		"machine": m.table(rounds, count), "admission": admissionTable(candidates, samples),
		"background": background.table(), "cache": cacheTable(cached),
	}
	for _, name := range []string{"machine", "admission", "background", "cache"} {
		fmt.Printf("\n%s", tables[name])
	}
	return write(tables)
}

func say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"...\n", values...)
}
