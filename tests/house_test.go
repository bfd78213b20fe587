// Package tests_test holds what has to be true of the whole repository: who may import whom, who may read the clock, how
// large a file may be, and that everything exported is explained.
package tests_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "salvor.io/salvor/"
	// root of the repository, from this folder.
	root = ".."
)

func TestImportsRunDownwards(t *testing.T) {
	packages := listPackages(t)
	if len(packages) < 10 {
		t.Fatalf("go list found only %d packages of %s", len(packages), module)
	}
	for _, p := range packages {
		from := strings.TrimPrefix(p.ImportPath, module)
		if refused := placeOf(from); refused.layer == nil {
			t.Errorf("%s has no layer: give it one in tests/house_rules_test.go, or move it into a package that has", from)
			continue
		}
		for _, to := range p.Imports {
			if why := refuseImport(from, to); why != "" {
				t.Errorf("%s imports %s: %s", from, strings.TrimPrefix(to, module), why)
			}
		}
		for _, to := range p.Deps {
			if why := refuseDependency(from, to); why != "" {
				t.Errorf("%s depends on %s by way of other packages (go list -deps ./%s): %s", from, to, from, why)
			}
		}
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Module     *struct{ Main bool }
}

// listPackages asks go for the packages of this module with what they import. Files of tests are not among them: a test
// may know engines and adapters together.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-json=ImportPath,Imports,Deps,Module", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("reading what go list says: %v", err)
		}
		if p.Module != nil && p.Module.Main {
			packages = append(packages, p)
		}
	}
}

func TestSourcesKeepTheHouseRules(t *testing.T) {
	files := sourceFiles(t)
	if len(files) < 50 {
		t.Fatalf("found only %d Go files under %s", len(files), root)
	}
	folders := map[string][]source{}
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		s, err := parseSource(name, data)
		if err != nil {
			t.Errorf("%s cannot be read: %v", name, err)
			continue
		}
		for _, problem := range s.problems() {
			t.Error(problem)
		}
		folders[path.Dir(name)] = append(folders[path.Dir(name)], s)
	}
	for folder, sources := range folders {
		if !slices.ContainsFunc(sources, source.explainsPackage) {
			t.Errorf("%s: no file has a package comment; say in one what the package is for and what its nouns mean", folder)
		}
	}
}

// sourceFiles lists the module's Go files by their paths in the repository. Other modules, hidden folders and
// testdata are left out, as go leaves them out.
func sourceFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			if strings.HasSuffix(name, ".go") {
				files = append(files, name)
			}
			return nil
		case name == ".":
			return nil
		case strings.HasPrefix(d.Name(), "."), strings.HasPrefix(d.Name(), "_"), d.Name() == "testdata":
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(root, name, "go.mod")); err == nil {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
