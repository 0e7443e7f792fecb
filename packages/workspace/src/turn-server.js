/**
 * coturn: the TURN server whose word is asked about TURN credentials. Its test clients lie beside it.
 *
 * @type {import('./programs.js').Program}
 */
export const COTURN = {
  title: 'coturn',
  variable: 'CASTO_TURNSERVER',
  commands: ['turnserver'],
  places: ['/usr/bin/turnserver', '/usr/local/bin/turnserver', '/opt/homebrew/bin/turnserver'],
  // Older ones know no `--version`.
  flag: '-h',
  packages: { 'apt-get': 'coturn', dnf: 'coturn', apk: 'coturn', pacman: 'coturn', zypper: 'coturn' },
};
