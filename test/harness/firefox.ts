import { launch } from 'puppeteer-core';

import type { BrowserOptions, RunningBrowser } from './browsers.ts';
import { runningPuppeteer } from './puppeteer-page.ts';

const PREFERENCES = {
  // A camera and a microphone that need neither hardware nor a click.
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.devices.insecure.enabled': true,
  'media.getusermedia.insecure.enabled': true,
  // ICE over 127.0.0.1, with addresses instead of mDNS names.
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // 0 allows autoplay; the others do the same for Web Audio and for the policy that waits for a click.
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.autoplay.block-webaudio': false,
  // Without a sound device an AudioContext would never start; this one is made of a timer.
  'media.cubeb.force_mock_context': true,
  // No calls home: the plugin manager would fetch OpenH264 in the middle of a test.
  'media.gmp-manager.updateEnabled': false,
  'media.gmp-manager.url': '',
  'app.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};

export async function launchFirefox(
  executablePath: string,
  harnessScript: string,
  options: BrowserOptions,
): Promise<RunningBrowser> {
  const browser = await launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    extraPrefsFirefox: PREFERENCES,
    args: options.flags ?? [],
  });
  return runningPuppeteer('firefox', browser, harnessScript);
}
