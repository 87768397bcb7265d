// Asks Salesforce's own compiled SOQL parser about every query of tests/golden/soql/grammar.jsonl
// and compares its verdict with the one recorded there, which Revkeep's own tests are held to.
//
//   npm ci && node judge.mjs            compare; exit 1 when a verdict differs from the record
//   node judge.mjs --record             write Salesforce's verdicts into the record
//   node judge.mjs --ask 'SELECT ...'   one query: accept, or the parser's first complaint

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const golden = new URL('../../golden/soql/', import.meta.url);

function salesforceParser() {
  // The lexer reports characters that it drops on the error stream; they are no verdict.
  console.error = () => {};
  const { SOQLParser } = require('@salesforce/soql-common/lib/soql-parser/soql-parser.js');
  return SOQLParser({ isApex: false, isMultiCurrencyEnabled: true, apiVersion: 50.0 });
}

function readRows() {
  const lines = readFileSync(new URL('grammar.jsonl', golden), 'utf8').split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

function verdict(parser, query) {
  return parser.parseQuery(query).getSuccess() ? 'accept' : 'reject';
}

function ask(parser, query) {
  const result = parser.parseQuery(query);
  const complaint = () => `reject: ${result.getParserErrors()[0].getMessage()}`;
  process.stdout.write(`${result.getSuccess() ? 'accept' : complaint()}\n`);
}

function record(parser, rows) {
  const judged = rows.map((row) => ({ ...row, salesforce: verdict(parser, row.query) }));
  // ASCII only, so that what cannot be seen in an editor can be read.
  const code = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const line = (row) => JSON.stringify(row).replace(/[^\x20-\x7e]/g, code);
  const lines = judged.map(line).join('\n');
  writeFileSync(new URL('grammar.jsonl', golden), `${lines}\n`);
}

function compare(parser, rows) {
  const reasons = JSON.parse(readFileSync(new URL('differences.json', golden), 'utf8'));
  const problems = [];
  const byReason = {};
  let agreed = 0;
  for (const row of rows) {
    const now = verdict(parser, row.query);
    if (now !== row.salesforce) {
      problems.push(`recorded ${row.salesforce}, judged ${now}: ${JSON.stringify(row.query)}`);
    }
    if ((row.revkeep === 'accept') === (now === 'accept')) {
      agreed += 1;
    } else if (reasons[row.why] === undefined) {
      problems.push(`a difference without a reason: ${JSON.stringify(row.query)}`);
    } else {
      byReason[row.why] = (byReason[row.why] ?? 0) + 1;
    }
  }
  const summary = { queries: rows.length, agreed, differences: byReason, problems };
  process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
  process.stdout.write(`${rows.length - problems.length} passed, ${problems.length} failed\n`);
  return problems.length === 0;
}

const parser = salesforceParser();
const [mode, query] = process.argv.slice(2);
if (mode === '--ask') {
  ask(parser, query);
} else if (mode === '--record') {
  record(parser, readRows());
} else if (!compare(parser, readRows())) {
  process.exitCode = 1;
}
