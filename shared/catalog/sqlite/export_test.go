package sqlite

import "database/sql"

// Migrations and Migrate bring a file to a schema; a test takes some of the first, and adds its own.
var (
	Migrations = migrations
	Migrate    = migrate
)

// NewestGoodStatement is the query of NewestGood.
const NewestGoodStatement = newestGood

// Walk is the statement of a search, WithBody the same with the backups, and Bodies that of what was found without them.
var (
	Walk     = walk
	WithBody = withBody
)

const Bodies = bodies

// OpenDB opens the file as the catalog does.
func OpenDB(path string) (*sql.DB, error) { return sql.Open("sqlite", dsn(path)) }
