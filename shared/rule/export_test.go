package rule

// Shell is shell for tests.
var Shell = shell
