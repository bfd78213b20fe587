package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// record puts the results of a benchmark into the file, in place of those it has of the same benchmark.
func record(path, name string, results []Result) error {
	kept, err := readResults(path)
	if err != nil {
		return err
	}
	kept = slices.DeleteFunc(kept, func(r Result) bool { return benchmarkOf(r) == name })
	kept = append(kept, results...)
	place := func(r Result) int {
		return slices.IndexFunc(benchmarks, func(b benchmark) bool { return b.name == benchmarkOf(r) })
	}
	slices.SortStableFunc(kept, func(a, b Result) int { return place(a) - place(b) })
	return writeJSON(path, kept)
}

// benchmarkOf is the name of the benchmark that found the result.
func benchmarkOf(r Result) string {
	name, _, _ := strings.Cut(r.Name, "/")
	return name
}

func readResults(path string) ([]Result, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the results of before: %w", err)
	}
	var results []Result
	if err := json.Unmarshal(data, &results); err != nil {
		return nil, fmt.Errorf("reading the results of before: %s: %w; remove it to begin anew", path, err)
	}
	return results, nil
}

// writeJSON replaces the file by the results, whole or not at all.
func writeJSON(path string, results []Result) error {
	data, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the results: %w", err)
	}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.WriteFile(temp, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return os.Rename(temp, path)
}
