package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Result is one number that a benchmark found.
type Result struct {
	Name   string  `json:"name"`
	Median float64 `json:"median"`
	Unit   string  `json:"unit"`
	// Aim is what the number shall be, such as "<= 1.5"; empty for one that only explains another.
	Aim string `json:"aim"`
	// OK tells whether the aim is reached.
	OK bool `json:"ok"`
	// N is how many measurements the median is of.
	N       int    `json:"n"`
	Machine string `json:"machine"`
	// Version of what was measured, as git describes it, and the day.
	Version string `json:"version"`
	Day     string `json:"day"`
}

// info is a number without aim.
func info(name string, values []float64, unit string) Result {
	return Result{Name: name, Median: median(values), Unit: unit, OK: true, N: len(values)}
}

// atMost is a number that shall not be above the limit.
func atMost(limit float64, name string, values []float64, unit string) Result {
	r := info(name, values, unit)
	r.Aim, r.OK = fmt.Sprintf("<= %g", limit), r.Median <= limit
	return r
}

// atLeast is a number that shall not be below the limit.
func atLeast(limit float64, name string, values []float64, unit string) Result {
	r := info(name, values, unit)
	r.Aim, r.OK = fmt.Sprintf(">= %g", limit), r.Median >= limit
	return r
}

// median of the values, which it leaves as they are; 0 of none.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	switch n := len(v); {
	case n == 0:
		return 0
	case n%2 == 0:
		return (v[n/2-1] + v[n/2]) / 2
	default:
		return v[n/2]
	}
}

// ratios divides each value by the one of the same round.
func ratios(of, by []float64) []float64 {
	r := make([]float64, len(of))
	for i := range of {
		r[i] = of[i] / by[i]
	}
	return r
}

// printTable shows the results to a person.
func printTable(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tMEDIAN\tUNIT\tAIM\tOK\tN")
	for _, r := range results {
		aim, ok := r.Aim, "yes"
		if aim == "" {
			aim, ok = "-", "-"
		} else if !r.OK {
			ok = "NO"
		}
		fmt.Fprintf(t, "%s\t%.4g\t%s\t%s\t%s\t%d\n", r.Name, r.Median, r.Unit, aim, ok, r.N)
	}
	return t.Flush()
}
