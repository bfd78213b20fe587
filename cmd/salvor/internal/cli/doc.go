// Package cli is Salvor on the command line. A command reads flags and arguments, asks the home for what it needs,
// and prints; what the words mean is decided below it.
//
// What a command prints as its result goes to standard output, everything else (progress, warnings, questions,
// errors) to standard error. Its exit code says how it ended; exit.go has the table.
package cli
