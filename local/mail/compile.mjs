// Standard input: {name: MJML}. Standard output: {name: {html, errors: [sentence]}}.
import { text } from 'node:stream/consumers';

import mjml from 'mjml';

const FILLED_IN_LATER = /has invalid value: [^,]*\{\{/; // nobody can judge it yet

const compiled = {};
for (const [name, source] of Object.entries(JSON.parse(await text(process.stdin)))) {
  // Without `fonts` it would have each mail load the ones it knows from elsewhere.
  const { html, errors } = await mjml(source, { fonts: {}, validationLevel: 'soft', keepComments: false, minify: false });
  compiled[name] = {
    html,
    errors: errors.map((error) => error.formattedMessage).filter((sentence) => !FILLED_IN_LATER.test(sentence)),
  };
}
process.stdout.write(JSON.stringify(compiled));
