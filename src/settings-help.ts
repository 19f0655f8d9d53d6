import type { Setting } from './setting-kinds.ts';
import { table } from './setting-table.ts';
import { flagOf } from './settings.ts';

const WIDTH = 100;
const INDENT = ' '.repeat(6);

/** The text of `--help`: every setting with what it means and its default. */
export function helpText(): string {
  const lines = [
    'Usage: beanstalkd-gateway [flags]',
    '       beanstalkd-gateway keygen --help   (makes a key for API_KEYS_FILE)',
    '',
    'The HTTP/REST gateway to beanstalkd. Every flag is also an environment variable (--port: PORT);',
    'a flag wins over the variable.',
    '',
  ];
  for (const [name, setting] of Object.entries<Setting<unknown>>(table)) {
    lines.push(`  --${flagOf(name)}${setting.isBoolean ? '' : ' <value>'}`);
    lines.push(...wrap(`${setting.help}. Default: ${setting.shown}`));
  }
  lines.push('  -h, --help', ...wrap('this text'), '  -v, --version', ...wrap('the version'), '');
  return lines.join('\n');
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = INDENT;
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH && line !== INDENT) {
      lines.push(line.trimEnd());
      line = INDENT;
    }
    line += `${word} `;
  }
  lines.push(line.trimEnd());
  return lines;
}
