/**
 * A player's choice of a layer, as drafts of WHEP had it (draft-murillo-whep, section on video layer selection): JSON with
 * the name of an encoding. Names are the numbers of layers here, of which 0 is the highest.
 */

import { MAX_LAYERS } from '@casto/core';
import { SessionRefusal } from './session-refusal.ts';

/** Relation of the link that tells where to post it. */
export const LAYER_RELATION = 'urn:ietf:params:whep:ext:core:layer';
export const LAYER_TYPE = 'application/json';
/** `{"mediaId":"...","encodingId":"0"}` and room for fields of other drafts. */
const MAX_BYTES = 1_024;
/** Without a choice of its own a player is sent what suits it best. */
const HIGHEST = 0;

/**
 * @param body - From a client.
 * @returns The layer asked for.
 * @throws {SessionRefusal} 400 for what is no JSON object, 413 when it is too long, 422 for a layer that no channel has.
 */
export function readLayerRequest(body: Uint8Array): number {
  if (body.length > MAX_BYTES) throw new SessionRefusal(413, `A choice has at most ${MAX_BYTES} bytes.`);
  const asked = readObject(Buffer.from(body).toString('utf8'));
  if (!('encodingId' in asked)) return HIGHEST;
  const layers = Array.from({ length: MAX_LAYERS }, (_, layer) => String(layer));
  const layer = layers.findIndex((name) => name === asked.encodingId);
  if (layer < 0) throw new SessionRefusal(422, `encodingId is one of ${layers.join(', ')}, as a string.`);
  return layer;
}

function readObject(text: string): object {
  let value: unknown = null;
  try {
    value = JSON.parse(text);
  } catch {
    // As for JSON that is no object.
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SessionRefusal(400, 'The body is no JSON object.');
  }
  return value;
}
