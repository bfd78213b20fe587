package testenv

var Run = run
