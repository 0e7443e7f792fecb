/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** Address of a relay. */
  readonly VITE_CASTO_RELAY?: string;
}
