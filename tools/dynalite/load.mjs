// Puts items into a table that no server has open, several times as fast as by requests: one item of DynamoDB's JSON a
// line on standard input. What was there of the same key is replaced. Indexes other than the table's own are not kept.
//
//   node load.mjs INSTALL --data DIR --table NAME
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { data: { type: 'string' }, table: { type: 'string' } } })
if (positionals.length !== 1 || !values.data || !values.table) {
  console.error('usage: tools/run dynamodb load --data DIR --table NAME <items')
  process.exit(2)
}
const require = createRequire(`${positionals[0]}/node_modules/dynalite/index.js`)
const db = require('./db')
const store = db.create({ path: values.data })
const table = await new Promise((done, fail) => store.getTable(values.table, (err, t) => (err ? fail(err) : done(t))))
  .catch((err) => { console.error(`dynamodb load: table ${values.table} in ${values.data}: ${err.message ?? err}`); process.exit(1) })

const items = store.getItemDb(values.table)
const put = (batch) => new Promise((done, fail) => items.batch(batch, (err) => (err ? fail(err) : done())))
let batch = []
let loaded = 0
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const item = JSON.parse(line)
  const invalid = db.validateItem(item, table)
  if (invalid != null) throw new Error(`item ${loaded + batch.length + 1}: ${invalid.body?.message ?? invalid}`)
  batch.push({ type: 'put', key: db.createKey(item, table), value: item })
  if (batch.length === 2000) {
    await put(batch)
    loaded += batch.length
    batch = []
  }
}
await put(batch)
await store.db.compactRange('', '~') // or readers share the disk with compactions for minutes
await new Promise((done, fail) => store.db.close((err) => (err ? fail(err) : done())))
