package httpapi_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"salvor.io/salvor/tests/openapi"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && flag.Lookup("test.run").Value.String() == "" {
		if unseen := unseenAnswers(); len(unseen) > 0 {
			fmt.Fprintf(os.Stderr, "infra/openapi.yaml describes answers that no test has got: %q\n", unseen)
			code = 1
		}
	}
	os.Exit(code)
}

// unseenAnswers are the operations of infra/openapi.yaml, with the status of each answer that is no problem, that all
// tests together have not got.
func unseenAnswers() (unseen []string) {
	d, err := openapi.Load()
	if err != nil {
		return []string{err.Error()}
	}
	for _, item := range d.Paths.Map() {
		for _, o := range item.Operations() {
			for status := range o.Responses.Map() {
				if n, err := strconv.Atoi(status); err == nil && !d.Seen(o.OperationID, n) {
					unseen = append(unseen, o.OperationID+" "+status)
				}
			}
		}
	}
	slices.Sort(unseen)
	return unseen
}
