// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// admissionFigures sums up the turns of a candidate.
type admissionFigures struct {
	median, p99, cpu time.Duration
	// The same in relation to requests to where no guardrail stands. Of latencies it is the
	// median over the turns; of CPU time, which the garbage collector takes now and then and for
	// many requests at once, that of the sums.
	medianRatio, p99Ratio, cpuRatio estimate
	// elsewhereRatio is the latency of requests to where no guardrail stands, in relation to the
	// same in the turn of the same round without a policy: the median over the rounds.
	elsewhereRatio estimate
}

// estimate is a value with its standard error.
type estimate struct{ value, standardError float64 }

// resamples are enough for a standard error to one digit.
const resamples = 400

// estimated applies an estimator to n turns, by their indexes. Its standard error is its
// standard deviation over samples of n turns, drawn from them with replacement (the bootstrap
// of B. Efron, Annals of Statistics 7, 1979).
func estimated(n int, estimator func(turns []int) float64) estimate {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	draw := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // the same figures have the same error
	var sum, squares float64
	for range resamples {
		sample := make([]int, n)
		for i := range sample {
			sample[i] = draw.IntN(n)
		}
		x := estimator(sample)
		sum, squares = sum+x, squares+x*x
	}
	mean := sum / resamples
	return estimate{estimator(all), math.Sqrt(max(squares/resamples-mean*mean, 0))}
}

func sumUp(turns, without []turn) admissionFigures {
	var latencies []time.Duration
	var guarded time.Duration
	for _, t := range turns {
		latencies = append(latencies, t.guarded.latencies...)
		guarded += t.guarded.cpu
	}
	medianOf := func(ratio func(turn int) float64) estimate {
		ratios := make([]float64, len(turns))
		for i := range turns {
			ratios[i] = ratio(i)
		}
		return estimated(len(turns), func(some []int) float64 {
			picked := make([]float64, 0, len(some))
			for _, i := range some {
				picked = append(picked, ratios[i])
			}
			return quantile(picked, 0.5)
		})
	}
	return admissionFigures{
		median: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), cpu: guarded / time.Duration(len(latencies)),
		medianRatio: medianOf(func(i int) float64 {
			return ratio(quantile(turns[i].guarded.latencies, 0.5), quantile(turns[i].elsewhere.latencies, 0.5))
		}),
		p99Ratio: medianOf(func(i int) float64 {
			return ratio(quantile(turns[i].guarded.latencies, 0.99), quantile(turns[i].elsewhere.latencies, 0.99))
		}),
		cpuRatio: estimated(len(turns), func(some []int) float64 {
			var guarded, elsewhere time.Duration
			for _, i := range some {
				guarded, elsewhere = guarded+turns[i].guarded.cpu, elsewhere+turns[i].elsewhere.cpu
			}
			return ratio(guarded, elsewhere)
		}),
		elsewhereRatio: medianOf(func(i int) float64 {
			return ratio(quantile(turns[i].elsewhere.latencies, 0.5), quantile(without[i].elsewhere.latencies, 0.5))
		}),
	}
}

func ratio(a, b time.Duration) float64 {
	return float64(a) / float64(b)
}

// quantile of values in any order; q from 0 to 1.
func quantile[T time.Duration | float64](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}
