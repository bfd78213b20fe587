package cli

import (
	"bufio"
	"fmt"
	"strings"

	"salvor.io/salvor/shared/salvor"
)

// confirm asks the user on a terminal. Elsewhere nobody can answer, and --yes is needed.
func (a *app) confirm(question string, yes bool) error {
	if yes {
		return nil
	}
	if terminal(a.sys.Stdin) == nil {
		return salvor.Errorf(salvor.Invalid, "%s: nobody is there to ask", strings.TrimSuffix(question, "?")).WithHint("pass --yes")
	}
	fmt.Fprintf(a.sys.Stderr, "%s [y/N] ", question)
	line, err := bufio.NewReader(a.sys.Stdin).ReadString('\n')
	if err != nil && line == "" {
		return fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return salvor.Errorf(salvor.Canceled, "not confirmed; nothing was done")
}
