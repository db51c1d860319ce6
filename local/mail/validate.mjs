// Standard input: {name: HTML}. Standard output: {name: [what is wrong]}.
import { text } from 'node:stream/consumers';

import { HtmlValidate, StaticConfigLoader } from 'html-validate';

// Of what the standard has replaced, mail still needs some: Outlook lays out by tables and their attributes.
const judge = new HtmlValidate(
  new StaticConfigLoader({
    extends: ['html-validate:standard'],
    rules: { 'no-deprecated-attr': 'off' },
  }),
);

const found = {};
for (const [name, html] of Object.entries(JSON.parse(await text(process.stdin)))) {
  const report = await judge.validateString(html);
  found[name] = report.results.flatMap((result) =>
    result.messages.map((message) => `${message.line}:${message.column} ${message.ruleId}: ${message.message}`),
  );
}
process.stdout.write(JSON.stringify(found));
