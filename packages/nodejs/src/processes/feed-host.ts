/** Where the processes of one relay meet, out of reach of everybody else. */
export const FEED_HOST = '127.0.0.1';
