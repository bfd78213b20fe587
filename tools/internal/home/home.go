// Package home says where this machine keeps the tools: programs, which are
// built once, and instances, which come and go.
package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Home is the places on this machine.
type Home struct {
	// Bin is the directory of the programs, given by tools/run.
	Bin string
	// Run is where instances have their state and, by default, their files.
	Run string
	// Dynalite is where the DynamoDB server is installed.
	Dynalite string
}

// FromEnv reads SALVOR_TOOLS_CACHE and SALVOR_TOOLS_DYNALITE, which tools/run
// sets; the programs lie beside this one.
func FromEnv() (Home, error) {
	cache := os.Getenv("SALVOR_TOOLS_CACHE")
	if cache == "" {
		return Home{}, errors.New("SALVOR_TOOLS_CACHE is not set: call this through tools/run")
	}
	self, err := os.Executable()
	if err != nil {
		return Home{}, fmt.Errorf("finding this program: %w", err)
	}
	return Home{
		Bin:      filepath.Dir(self),
		Run:      filepath.Join(cache, "run"),
		Dynalite: os.Getenv("SALVOR_TOOLS_DYNALITE"),
	}, nil
}
