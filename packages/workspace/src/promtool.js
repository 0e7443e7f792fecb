/**
 * Prometheus' own word on the files for it in relay-node/deploy.
 *
 * @type {import('./programs.js').Program}
 */
export const PROMTOOL = {
  title: 'promtool',
  variable: 'CASTO_PROMTOOL',
  commands: ['promtool'],
  places: ['/usr/bin/promtool', '/usr/local/bin/promtool', '/opt/homebrew/bin/promtool'],
  // Debian has no package of it alone.
  packages: { 'apt-get': 'prometheus' },
};
