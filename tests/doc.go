// Package tests tries the whole system: the engines and adapters together, on real servers (see testenv).
package tests
