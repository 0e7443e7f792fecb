/** Whether this browser can broadcast, by mediasoup-client's knowledge of browsers. Loaded by streamers only. */

import { Device, type types } from 'mediasoup-client';
import { relayRtpCapabilities } from '@casto/host';
import { CastoError } from './errors.ts';

/**
 * @throws {CastoError} `unsupported-browser` without WebRTC, `no-common-codec` when the video codec cannot be encoded.
 */
export async function assertCanBroadcast(codec: 'vp8' | 'h264'): Promise<void> {
  const device = await detectDevice();
  const canEncode = device === null ? reportsCodec(codec) : await canProduce(device, codec);
  if (!canEncode) {
    throw new CastoError('no-common-codec', `this browser cannot encode ${codec.toUpperCase()}`);
  }
}

/** @returns `null` for a browser that mediasoup-client does not know; newer than it, perhaps. */
async function detectDevice(): Promise<types.Device | null> {
  try {
    return await Device.factory();
  } catch {
    return null;
  }
}

async function canProduce(device: types.Device, codec: 'vp8' | 'h264'): Promise<boolean> {
  const { codecs, headerExtensions } = relayRtpCapabilities();
  const wanted = [`video/${codec}`, 'audio/opus'];
  await device.load({
    routerRtpCapabilities: {
      ...(headerExtensions && { headerExtensions }),
      codecs: (codecs ?? []).filter(({ mimeType }) => wanted.includes(mimeType.toLowerCase())),
    },
  });
  return device.canProduce('video');
}

function reportsCodec(codec: 'vp8' | 'h264'): boolean {
  const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  return codecs.some(({ mimeType }) => mimeType.toLowerCase() === `video/${codec}`);
}
