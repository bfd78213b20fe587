package tests_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// maxLines is the most lines of one file.
const maxLines = 600

// source is one Go file.
type source struct {
	name string // its path in the repository
	data []byte
	fset *token.FileSet
	file *ast.File
}

func parseSource(name string, data []byte) (source, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, data, parser.ParseComments|parser.SkipObjectResolution)
	return source{name, data, fset, file}, err
}

func (s source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s source) explainsPackage() bool {
	return s.file.Doc != nil && strings.TrimSpace(s.file.Doc.Text()) != ""
}

// problems are the file's own; whether its package is explained shows only beside its other files.
func (s source) problems() []string {
	var out []string
	if n := strings.Count(string(s.data), "\n"); n > maxLines {
		out = append(out, fmt.Sprintf("%s has %d lines, more than %d; split it by its nouns", s.name, n, maxLines))
	}
	if !s.mayReadClock() {
		out = append(out, s.clockReads()...)
	}
	if !s.isTest() && !ast.IsGenerated(s.file) {
		out = append(out, s.unexplained()...)
	}
	return out
}

func (s source) mayReadClock() bool {
	folder := path.Dir(s.name)
	// A conformance suite, such as catalogtest, is a test that several packages run.
	return isRoot(folder) || s.isTest() || path.Base(s.name) == "clock.go" || strings.HasPrefix(folder, "shared/") && strings.HasSuffix(folder, "test")
}

// clockReads finds uses of the functions of package time that read the clock, as calls or as values.
func (s source) clockReads() []string {
	local := ""
	for _, i := range s.file.Imports {
		if p, _ := strconv.Unquote(i.Path.Value); p == "time" {
			local = "time"
			if i.Name != nil {
				local = i.Name.Name
			}
		}
	}
	var out []string
	if local == "." {
		return []string{s.name + " imports time with a dot; import it by its name"}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && local != "" && x.Name == local {
			out = append(out, fmt.Sprintf("%s: time.%s reads the clock; take a field Now func() time.Time and let a root set it (clock.go, cmd/ and functions/ may read it)", s.fset.Position(sel.Pos()), sel.Sel.Name))
		}
		return true
	})
	return out
}

// unexplained finds exported names without a doc comment.
func (s source) unexplained() []string {
	var out []string
	missing := func(name *ast.Ident, doc ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(doc, func(c *ast.CommentGroup) bool { return c != nil }) {
			out = append(out, fmt.Sprintf("%s: %s is exported and has no doc comment; say what it means, its units and its errors, or don't export it", s.fset.Position(name.Pos()), name.Name))
		}
	}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || receiver(d).IsExported() {
				missing(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					missing(spec.Name, spec.Doc, d.Doc)
				case *ast.ValueSpec:
					for _, n := range spec.Names {
						missing(n, spec.Doc, spec.Comment, d.Doc)
					}
				}
			}
		}
	}
	return out
}

// receiver is the type that a method belongs to.
func receiver(d *ast.FuncDecl) *ast.Ident {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x
		default:
			return ast.NewIdent("_")
		}
	}
}

// The rules above can fail: each of these is found.
func TestSourceRulesRefuse(t *testing.T) {
	for _, c := range []struct {
		why, name, text string
		want            []string // line and first word of each problem
	}{
		{"a clock in an engine", "shared/backup/a.go", "package a\nimport \"time\"\nvar x = time.Now()\n", []string{"3 time.Now"}},
		{"a clock as a value, under another name", "shared/backup/a.go", "package a\nimport t \"time\"\nvar x = t.Now\nvar y = t.Since(t.Time{})\n", []string{"3 time.Now", "4 time.Since"}},
		{"a clock without its name", "shared/backup/a.go", "package a\nimport . \"time\"\nvar x = Now()\n", []string{"imports"}},
		{"a clock where it belongs", "shared/backup/clock.go", "package a\nimport \"time\"\nvar x = time.Now()\n", nil},
		{"a clock in a command", "cmd/salvor/a.go", "package a\nimport \"time\"\nvar x = time.Now()\n", nil},
		{"a clock in a function", "functions/api/main.go", "package main\nimport \"time\"\nvar x = time.Now()\n", nil},
		{"a clock in a test", "shared/backup/a_test.go", "package a\nimport \"time\"\nvar x = time.Now()\n", nil},
		{"a clock in a conformance suite", "shared/catalog/catalogtest/a.go", "package a\nimport \"time\"\nvar x = time.Now()\n", nil},
		{"the Now of something else", "shared/backup/a.go", "package a\nimport \"time\"\nvar e struct{ Now func() time.Time }\nvar x = e.Now()\n", nil},
		{"exported and unexplained", "shared/backup/a.go", "package a\ntype A struct{}\nfunc (a *A) B() {}\nfunc C() {}\nconst D = 1\nvar (\n\tE = 1\n)\nfunc (a *G[T]) H() {}\ntype G[T any] struct{}\n",
			[]string{"2 A", "3 B", "4 C", "5 D", "7 E", "9 H", "10 G"}},
		{"explained one by one or together, or not exported", "shared/backup/a.go", "package a\n// A is.\ntype A struct{}\n// B does.\nfunc (a A) B() {}\n// Both.\nconst (\n\tC = 1\n\tD = 2\n)\nvar (\n\tE = 1 // is one\n)\ntype f struct{}\nfunc (f) G() {}\n", nil},
		{"exported in a test", "shared/backup/a_test.go", "package a\nfunc TestA() {}\n", nil},
		{"exported in a command", "cmd/salvor/a.go", "package a\nfunc A() {}\n", []string{"2 A"}},
		{"a long file", "shared/backup/a_test.go", "package a\n" + strings.Repeat("\n", maxLines), []string{"has"}},
		{"a file of just that length", "shared/backup/a_test.go", "package a\n" + strings.Repeat("\n", maxLines-1), nil},
	} {
		s, err := parseSource(c.name, []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range s.problems() {
			got = append(got, digest(p, c.name))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
	for text, want := range map[string]bool{"// Package a is.\npackage a\n": true, "package a\n": false, "// Far off.\n\npackage a\n": false, "//go:build linux\n\npackage a\n": false} {
		s, err := parseSource("a.go", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.explainsPackage(); got != want {
			t.Errorf("%q explains its package: %v", text, got)
		}
	}
}

// digest makes "3 time.Now" of "a.go:3:9: time.Now reads …", and "has" of "a.go has …".
func digest(problem, name string) string {
	rest := strings.TrimPrefix(problem, name)
	if at, ok := strings.CutPrefix(rest, ":"); ok {
		line, _, _ := strings.Cut(at, ":")
		_, text, _ := strings.Cut(at, ": ")
		return line + " " + strings.Fields(text)[0]
	}
	return strings.Fields(rest)[0]
}
