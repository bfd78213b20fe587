package schema_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
)

// wordsPackage is where the types are.
const wordsPackage = "salvor.io/salvor/shared/salvor"

// words are what the sources of a package say beside its types.
type words struct {
	// comments by the full name of a type or field.
	comments map[string]string
	// choices of a text type are its constants, in the order of the source.
	choices map[string][]choice
	// fields are names in Go and how they are written in a document.
	fields map[string]string
}

type choice struct{ value, meaning string }

func readWords(t *testing.T, dir string) *words {
	t.Helper()
	r := jsonschema.Reflector{}
	if err := r.AddGoComments("salvor.io/salvor/shared/schema", dir, jsonschema.WithFullComment()); err != nil {
		t.Fatal(err)
	}
	w := &words{comments: r.CommentMap, choices: map[string][]choice{}, fields: map[string]string{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				w.constants(n)
			case *ast.Field:
				w.field(n)
			}
			return true
		})
	}
	for _, list := range w.choices { // now that all fields are known
		for i := range list {
			list[i].meaning = w.plain(list[i].meaning)
		}
	}
	if len(w.choices) < 5 || len(w.fields) < 50 {
		t.Fatalf("%s has only %d types with choices and %d fields: %v", dir, len(w.choices), len(w.fields), fs.ErrNotExist)
	}
	return w
}

// constants notes the constants of a type. Their comments begin with the constant's name; here its value stands for it.
func (w *words) constants(n *ast.ValueSpec) {
	typ, ok := n.Type.(*ast.Ident)
	if !ok || len(n.Values) != len(n.Names) {
		return
	}
	for i, name := range n.Names {
		lit, ok := n.Values[i].(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			continue
		}
		value, err := strconv.Unquote(lit.Value)
		if err != nil {
			continue
		}
		text := n.Doc.Text()
		if text == "" {
			text = n.Comment.Text()
		}
		meaning := strings.TrimLeft(strings.TrimPrefix(oneLine(text), name.Name), ": ")
		w.choices[typ.Name] = append(w.choices[typ.Name], choice{value, meaning})
	}
}

// field notes how a field is written where its name in Go could not be guessed to mean it.
func (w *words) field(n *ast.Field) {
	if n.Tag == nil {
		return
	}
	tag, err := strconv.Unquote(n.Tag.Value)
	if err != nil {
		return
	}
	name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
	for _, id := range n.Names {
		w.fields[id.Name] = name
	}
}

// describe is the comment of a type, or of a field by its name in Go.
func (w *words) describe(t reflect.Type, field string) string {
	if doc, ok := reflect.New(t).Interface().(interface{ SwaggerDoc() map[string]string }); ok {
		name := ""
		if f, ok := t.FieldByName(field); ok {
			name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
		}
		return doc.SwaggerDoc()[name]
	}
	full := t.PkgPath() + "." + t.Name()
	if field == "" {
		name, rest, _ := strings.Cut(w.comments[full], " ") // a field may have the name of the type
		return strings.TrimSpace(name + " " + w.plain(rest))
	}
	text, ok := w.comments[full+"."+field]
	if !ok {
		text = w.shared(t, field)
	}
	// It is about the field as a document has it.
	if rest, ok := strings.CutPrefix(text, field+" "); ok && w.fields[field] != "" {
		text = w.fields[field] + " " + rest
	}
	return w.plain(text)
}

// shared is the comment of a field above that names this one too: "Daily, Weekly and Monthly …".
func (w *words) shared(t reflect.Type, field string) string {
	if t.Kind() != reflect.Struct {
		return ""
	}
	last := ""
	for f := range t.Fields() {
		if text, ok := w.comments[t.PkgPath()+"."+t.Name()+"."+f.Name]; ok {
			last = text
		}
		if f.Name == field && regexp.MustCompile(`\b`+field+`\b`).MatchString(last) {
			return last
		}
	}
	return ""
}

// goName is a name that no sentence would hold if it were not that of a field.
var goName = regexp.MustCompile(`\b[A-Z]+[a-z0-9]+([A-Z]+[a-z0-9]*)+\b|\b[A-Z][a-z]+[A-Z]+\b`)

// plain makes a comment one line, in which fields are written as in a document.
func (w *words) plain(text string) string {
	return goName.ReplaceAllStringFunc(oneLine(text), func(name string) string {
		if json := w.fields[name]; json != "" {
			return json
		}
		return name
	})
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
