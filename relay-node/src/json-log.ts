/** One object per line, by pino: for programs, and for journals that sort by fields. */
import { pino } from 'pino';
import type { LogFields, LogLevel } from '@casto/nodejs';
import type { TextSink } from './output.ts';

export function createJsonLog(sink: TextSink): (level: LogLevel, event: string, fields: LogFields) => void {
  const logger = pino(
    {
      // What is logged at all was decided before.
      level: 'debug',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => void sink.write(line) },
  );
  return (level, event, fields) => {
    // The same name twice in one object is read differently by different programs.
    const { event: _event, level: _level, time: _time, ...others } = fields;
    logger[level]({ event, ...others });
  };
}
