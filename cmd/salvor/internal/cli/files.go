package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"salvor.io/salvor/shared/salvor"
	"salvor.io/salvor/shared/schedule"
	"salvor.io/salvor/shared/stork"
)

func addFiles(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringArrayVarP(files, "filename", "f", nil, "file or directory of documents, - for standard input; may be repeated")
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
}

// load reads all objects of the files. All mistakes of all files are reported together.
func (a *app) load(files []string) ([]salvor.Object, error) {
	paths, err := expand(files)
	if err != nil {
		return nil, err
	}
	var objects []salvor.Object
	var mistakes, told salvor.Problems
	source := map[string]string{}
	for _, path := range paths {
		data, err := a.read(path)
		if err != nil {
			return nil, err
		}
		if path == "-" {
			path = "standard input"
		}
		loaded, notes, err := salvor.LoadForeign(data, path, stork.Kinds)
		if ps, ok := errors.AsType[salvor.Problems](err); ok {
			mistakes = append(mistakes, ps...)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, o := range loaded {
			if first, twice := source[reference(o)]; twice && first != path {
				mistakes = append(mistakes, salvor.Problem{Source: path, Object: reference(o), Message: "stands in " + first + " too"})
			}
			source[reference(o)] = path
			if err := checkTimes(o); err != nil {
				mistakes = append(mistakes, salvor.Problem{Source: path, Object: reference(o), Message: err.Error()})
			}
		}
		objects = append(objects, loaded...)
		told = append(told, notes...)
	}
	if len(mistakes) > 0 {
		return nil, &salvor.Error{Code: salvor.Invalid, Err: mistakes}
	}
	if len(objects) == 0 {
		return nil, salvor.Errorf(salvor.Invalid, "there are no documents in %v", files)
	}
	a.tell(told)
	return objects, nil
}

// checkTimes reads of a policy what Validate does not: its expression, and that it ever runs.
func checkTimes(o salvor.Object) error {
	if p, ok := o.(*salvor.SchedulePolicy); ok {
		return schedule.Check(p.Spec)
	}
	return nil
}

// tell prints notes on documents of other programs; what holds for all of them once.
func (a *app) tell(notes salvor.Problems) {
	general := map[string]bool{}
	for _, n := range notes {
		if n.Path == "" {
			general[n.Message] = true
			continue
		}
		a.warn("note: %s", n)
	}
	for _, text := range slices.Sorted(maps.Keys(general)) {
		a.warn("note: %s", text)
	}
}

func (a *app) read(path string) ([]byte, error) {
	if path == "-" {
		data, err := io.ReadAll(a.sys.Stdin)
		if err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		return data, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, salvor.Errorf(salvor.NotFound, "reading documents: %w", err)
	}
	return data, nil
}

// expand replaces directories by the documents in them.
func expand(files []string) ([]string, error) {
	var paths []string
	for _, f := range files {
		info, err := os.Stat(f)
		if f == "-" || err == nil && !info.IsDir() {
			paths = append(paths, f)
			continue
		}
		if err != nil {
			return nil, salvor.Errorf(salvor.NotFound, "reading documents: %w", err)
		}
		entries, err := os.ReadDir(f)
		if err != nil {
			return nil, fmt.Errorf("reading documents: %w", err)
		}
		for _, e := range entries {
			if slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(e.Name())) && !e.IsDir() {
				paths = append(paths, filepath.Join(f, e.Name()))
			}
		}
	}
	return paths, nil
}
