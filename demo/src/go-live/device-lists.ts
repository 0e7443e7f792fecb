/** Cameras and microphones by name. Browsers tell the names once one of them may be used. */

export interface DeviceChoice {
  id: string;
  label: string;
}

/**
 * @param devices - As `enumerateDevices()` gives them: before permission there is one of each kind, without an id.
 * @returns What can be chosen; empty while nothing can.
 */
export function deviceChoices(
  devices: readonly Pick<MediaDeviceInfo, 'deviceId' | 'kind' | 'label'>[],
  kind: 'videoinput' | 'audioinput',
): DeviceChoice[] {
  const name = kind === 'videoinput' ? 'Camera' : 'Microphone';
  const own = devices.filter((device) => device.kind === kind && device.deviceId !== '');
  return own.map(({ deviceId, label }, index) => ({
    id: deviceId,
    label: label === '' ? `${name} ${index + 1}` : label,
  }));
}

/**
 * Fills a field, and keeps what was chosen as long as it is there.
 *
 * @param extra - Choices at the end that are no devices.
 */
export function fillChoices(
  field: HTMLSelectElement,
  choices: readonly DeviceChoice[],
  extra: readonly DeviceChoice[],
  current: string | undefined,
): void {
  const all = [...choices, ...extra];
  const wanted = [field.value, current].find((id) => all.some((choice) => choice.id === id));
  field.replaceChildren(...all.map(({ id, label }) => new Option(label, id)));
  if (wanted !== undefined) field.value = wanted;
  field.disabled = all.length === 0;
}
