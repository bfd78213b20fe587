package instance

import (
	"fmt"
	"os"
	"strings"
)

// List returns the instances of a kind that have a state file, running or left
// behind, in the order of their names.
func List(run string, kind Kind) ([]Instance, error) {
	entries, err := os.ReadDir(run)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing instances: %w", err)
	}
	var found []Instance
	for _, e := range entries {
		name, isState := strings.CutSuffix(e.Name(), ".json")
		name, isKind := strings.CutPrefix(name, string(kind)+"-")
		if !isState || !isKind || !nameForm.MatchString(name) {
			continue
		}
		found = append(found, Instance{Kind: kind, Name: name, Run: run})
	}
	return found, nil
}
