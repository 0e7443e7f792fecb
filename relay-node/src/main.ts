/**
 * The command: read the settings, start HTTP and the relay, run until interrupted, drain.
 *
 *   starting ──relay up──▶ running ──Ctrl-C──▶ draining ──children gone or drainMs──▶ exit 0
 *       └──bad option, port in use, corrupt data folder──▶ one line, exit 2
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Relay, RelayOptions } from '@casto/nodejs';
import { interfaceAddresses, lanUrls, localOrigin } from './addresses.ts';
import { openDashboard } from './dashboard.ts';
import { renderHelp } from './help.ts';
import { HttpRefusals } from './http-refusals.ts';
import { openHttpServer } from './http-server.ts';
import { conditionOf, type RelayState } from './http-routes.ts';
import { watchInterruption } from './interruption.ts';
import type { Interruption, SignalSource } from './interruption.ts';
import type { Environment } from './option-sources.ts';
import { createMetrics } from './metrics.ts';
import { createOutput } from './output.ts';
import type { Output, TextSink } from './output.ts';
import type { Advice, SelfTestSubject } from './self-test.ts';
import { readCommand } from './settings.ts';
import type { Settings } from './settings.ts';
import { loadStaticFiles } from './static-files.ts';
import { UsageError } from './usage-error.ts';

/** Everything the command touches outside itself. */
export interface Surroundings {
  argv: readonly string[];
  env: Environment;
  version: string;
  /** Folder of the demo and the SDK. */
  publicDir: string;
  /** Print debug lines too. */
  debug: boolean;
  stdout: TextSink;
  stderr: TextSink;
  signals: SignalSource;
  createRelay: (options: RelayOptions) => Promise<Relay>;
  selfTest: (subject: SelfTestSubject) => Promise<Advice[]>;
}

export const exitCodes = { stopped: 0, failed: 1, refused: 2, quit: 130 } as const;

/** How often the log tells who is left while the relay drains. */
const progressMs = 1_000;
/** A relay that cannot close its sockets in this time is left to the end of the process. */
const stopMs = 2_000;

/** @returns The exit code. */
export async function main(surroundings: Surroundings): Promise<number> {
  const { argv, env, version, stdout, stderr } = surroundings;
  try {
    const command = readCommand(argv, env);
    if (command.kind === 'run') return await run(command.settings, surroundings);
    stdout.write(command.kind === 'help' ? renderHelp(version) : `${version}\n`);
    return exitCodes.stopped;
  } catch (error) {
    if (isRefusal(error)) {
      stderr.write(`casto-relay: ${error.message.replaceAll(/\s+/g, ' ')}\n`);
      return exitCodes.refused;
    }
    stderr.write(
      `casto-relay: failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return exitCodes.failed;
  }
}

/** RelayStartError is known by its name: loading its class would load all of libp2p for --help. */
function isRefusal(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof Error && error.name === 'RelayStartError');
}

async function run(settings: Settings, surroundings: Surroundings): Promise<number> {
  const { json, logFormat, logLevel, drainMs, maxConnectionsPerIp } = settings;
  const level = logLevel ?? (surroundings.debug ? 'debug' : 'info');
  const output = createOutput({ ...surroundings, json, logFormat, logLevel: level });
  const metrics = createMetrics(surroundings.version);
  const interruption = watchInterruption(surroundings.signals);
  let state: RelayState = { kind: 'starting' };
  let advice: Advice[] | null = null;
  const refusals = new HttpRefusals();
  const dashboard = openDashboard({
    token: settings.dashboardToken,
    version: surroundings.version,
    relay: () => (state.kind === 'starting' ? null : state.relay),
    condition: () => conditionOf(state),
    advice: () => advice,
    refusals,
  });
  try {
    const http = await openHttpServer({
      host: settings.host,
      port: settings.port,
      files: await loadStaticFiles(surroundings.publicDir),
      allowOrigins: settings.allowOrigins,
      ice: settings,
      state: () => state,
      metrics: { ...metrics, token: settings.metricsToken, isPublic: settings.publicMetrics },
      dashboard,
      refusals,
      limits: { connectionsPerIp: maxConnectionsPerIp },
      onError: (error) => output.log('error', 'http-failed', { message: messageOf(error) }),
    });
    try {
      const starting = surroundings.createRelay(relayOptions(settings, output));
      const relay = await Promise.race([starting, interruption.first]);
      if (relay === undefined) return exitCodes.stopped;
      state = { kind: 'running', relay };
      announce(settings, http.port, relay, output);
      void advise(settings, relay, surroundings.selfTest, output).then((found) => (advice = found));
      await interruption.first;
      state = { kind: 'draining', relay };
      return await shutDown(relay, interruption, drainMs, output);
    } finally {
      await http.close();
    }
  } finally {
    metrics.close();
    dashboard.close();
    interruption.close();
  }
}

function relayOptions(settings: Settings, output: Output): RelayOptions {
  return {
    host: settings.host,
    peers: settings.peers,
    announce: settings.announce,
    processes: settings.processes,
    p2pPort: settings.p2pPort,
    mediaPort: settings.mediaPort,
    stunPort: settings.stunPort,
    stun: settings.stun,
    maxChannels: settings.maxChannels,
    maxJoinsPerSecond: settings.maxJoinsPerSecond,
    maxPeersPerIp: settings.maxPeersPerIp,
    mdns: settings.mdns,
    listing: settings.listing,
    log: (level, event, fields) => output.log(level, event, fields),
    ...(settings.maxViewers === null ? {} : { maxViewers: settings.maxViewers }),
    ...(settings.dataDir === null ? {} : { dataDir: settings.dataDir }),
    ...(settings.maxMemoryBytes === null ? {} : { maxMemoryBytes: settings.maxMemoryBytes }),
    ...(settings.maxChannelBitrateBps === null
      ? {}
      : { maxChannelBitrateBps: settings.maxChannelBitrateBps }),
    ...(settings.publishToken === null ? {} : { publishToken: settings.publishToken }),
  };
}

function announce({ host, dataDir }: Settings, port: number, relay: Relay, output: Output): void {
  const { mediaPort, stunPort } = relay;
  output.listening({
    peerId: relay.peerId,
    http: localOrigin(host, port),
    multiaddrs: relay.multiaddrs,
    lanUrls: lanUrls(host, port, interfaceAddresses()),
    ports: {
      http: port,
      media: relay.metrics().processes.map((_, index) => mediaPort + index),
      stun: stunPort,
    },
    dataDir,
  });
}

/** What the self-test says is for people to act on; nothing waits for it. @returns Null when it failed. */
async function advise(
  { host, announce: announced, maxMemoryBytes }: Settings,
  relay: Relay,
  selfTest: Surroundings['selfTest'],
  output: Output,
): Promise<Advice[] | null> {
  try {
    const { multiaddrs, mediaPort, stunPort } = relay;
    const { maxViewers, processes } = relay.metrics();
    const found = await selfTest({
      host,
      announce: announced,
      multiaddrs,
      mediaPort,
      stunPort,
      processes: processes.length,
      maxViewers,
      maxMemoryBytes,
    });
    for (const { check, advice } of found) output.log('warn', 'self-test', { check, advice });
    if (found.length === 0) output.log('info', 'self-test-passed', {});
    return found;
  } catch (error) {
    output.log('warn', 'self-test-failed', { message: messageOf(error) });
    return null;
  }
}

async function shutDown(
  relay: Relay,
  interruption: Interruption,
  drainMs: number,
  output: Output,
): Promise<number> {
  output.log('info', 'draining', { viewers: relay.status().viewers, drainMs });
  const stopped = async (): Promise<number> => {
    const progress = setInterval(() => {
      output.log('info', 'drain-progress', { viewersLeft: relay.metrics().served });
    }, progressMs);
    await within(drainMs, 'drain-failed', relay.drain(drainMs), output);
    clearInterval(progress);
    output.log('info', 'drained', { viewersLeft: relay.metrics().served });
    await within(stopMs, 'stop-failed', relay.stop(), output);
    output.log('info', 'stopped', {});
    return exitCodes.stopped;
  };
  return Promise.race([stopped(), interruption.second.then(() => exitCodes.quit)]);
}

/** Past its time, or when it fails, the exit goes on all the same. */
async function within(
  limitMs: number,
  failure: string,
  action: Promise<void>,
  output: Output,
): Promise<void> {
  const timer = new AbortController();
  try {
    await Promise.race([action, delay(limitMs, undefined, { signal: timer.signal })]);
  } catch (error) {
    output.log('warn', failure, { message: messageOf(error) });
  } finally {
    timer.abort();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
