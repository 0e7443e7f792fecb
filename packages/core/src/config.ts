/** Limits and intervals of the protocol. PROTOCOL.md names the rule that each belongs to. */

/** W1: raised when a peer that knows only the older version could not understand a newer one. */
export const PROTOCOL_VERSION = 1;

/** L5: hops from the streamer. Depth 8 holds 95 % of 100 000 viewers; 12 leaves room for bad luck. */
export const MAX_DEPTH = 12;

/** Layers of the video that a streamer may encode. */
export const MAX_LAYERS = 3;

/** L2: an offer of a page with one audio and three video sections is about 4 KiB. */
export const MAX_DESCRIPTION_LENGTH = 16_384;

/** L3: a page with several interfaces, IPv6 and TURN gathers about a dozen candidates. */
export const MAX_CANDIDATES = 32;
export const MAX_CANDIDATE_LENGTH = 256;

/** L4: peers named in one redirect. More would only be guesses: a joiner probes six. */
export const MAX_REDIRECT_PEERS = 6;
/** J2: candidates in a directory's answer: more than a joiner probes, because some will be full or gone. */
export const MAX_FOUND_PEERS = 8;
/** K9: neighbours named to one who seeks: as many as it probes. */
export const MAX_NEIGHBOURS = 6;
export const MAX_PEER_ADDRESSES = 8;
export const MAX_ADDRESS_LENGTH = 256;

/** K2: a parent with nothing to send says so this often, so that a child notices its loss within 100 ms. */
export const KEEP_ALIVE_MS = 40;
/** K2: the least silence that counts as a lost link. */
export const SILENCE_FLOOR_MS = 100;
/** K2: silence beyond this many deviations of the arrival times counts as a lost link. */
export const SILENCE_JITTERS = 4;
/** K2: until a parent is first heard this counts instead: its end of the channel opens up to a round trip later. */
export const FIRST_SILENCE_MS = 1_000;
/** K2: the same on a standby, where only the state keeps coming: two of them missed, and one second. */
export const STANDBY_SILENCE_MS = 11_000;
/**
 * K3: clock offset and round trip are measured this often. Clocks drift apart by about 20 ppm: 0.6 ms in this time.
 * At 5 s pings were most of what a peer had to say.
 */
export const PING_MS = 30_000;
/** K3: the same on a standby, which has no pictures whose delay would have to be known. */
export const STANDBY_PING_MS = 60_000;
/** K3: at the start more often, because the first samples meet the joiner's own start-up load. */
export const FIRST_PING_MS = 250;
export const FIRST_PINGS = 4;
/** K4: the state is repeated at least this often. */
export const STATE_MS = 5_000;
/** K5: key frames are asked for at most this often per layer of a link. */
export const KEY_FRAME_REQUEST_MS = 200;

/** K9: a neighbour is asked whom it knows at most this often. */
export const SEEK_MS = 1_000;
/** K9: and answers at most this often; questions that were a second apart may come closer together. */
export const SEEK_ANSWER_MS = 500;

/** K10: UTF-8. A long paragraph; a signed message with it fits into two packets. */
export const MAX_POST_BYTES = 2_048;
/** K10: UTF-16 units, so that a page can count them before it encodes. */
export const MAX_POST_LENGTH = 1_000;
/** K10: a post that is longer under way than any tree takes is a replay. */
export const MAX_POST_AGE_MS = 60_000;
/** K10: by so much peers may be wrong about the streamer's clock. */
export const MAX_POST_AHEAD_MS = 10_000;
/** K10: what a post counts against the limits is its length in these, begun ones included. */
export const POST_UNIT_BYTES = 512;
/** K10: of a viewer. A sentence a second is more than people write. */
export const POST_BURST = 5;
export const POSTS_PER_SECOND = 1;
/** K10: of the streamer, whose page may speak for a moderator or a game as well. */
export const STREAMER_POST_BURST = 20;
export const STREAMER_POSTS_PER_SECOND = 5;
/** K10: of all viewers together. More nobody reads, and no link carries more: with overheads about 60 kbit/s. */
export const ALL_POSTS_BURST = 40;
export const ALL_POSTS_PER_SECOND = 10;
/** K10: of what comes up from one page, so that one branch leaves room for the others. */
export const PAGE_POSTS_BURST = 20;
export const PAGE_POSTS_PER_SECOND = 5;
/** K10: a neighbour that passed on a forged post is not listened to for this long. */
export const POST_MUTE_MS = 60_000;
/** K10: a link that comes into use brings what was said meanwhile: as long as a repair takes at worst. */
export const POST_REPEAT_MS = 5_000;
export const MAX_REPEATED_POSTS = 8;
/** K11: a survey is asked for anew this often while it is wanted. */
export const SURVEY_MS = 2_000;
/** K11: and is over when it was not: one repetition may be late. */
export const SURVEY_LIFE_MS = 5_000;
/** K11: branches and pictures are told this often. */
export const BRANCH_MS = 1_000;
/** K11: and again after this when somebody has come, gone or moved, so that a change is seen within seconds at any depth. */
export const BRANCH_NEWS_MS = 500;
/** K11: how long a branch counts; two repetitions may be late. */
export const BRANCH_LIFE_MS = 3_000;
/** K11: peers in one branch: less than 4 KiB, in four packets. */
export const MAX_BRANCH_PEERS = 128;
/** K11: in a picture each hop may add itself. */
export const MAX_PICTURE_PEERS = MAX_BRANCH_PEERS + MAX_DEPTH;

/** M3: the streamer emits a key frame at least this often. */
export const KEY_FRAME_INTERVAL_MS = 2_000;

/** C1: of the media that one child gets, before it is measured: 720p at 30 pictures a second. */
export const DEFAULT_BITRATE_BPS = 2_500_000;

/** D3: how long a channel stays known after its last announcement. */
export const RECORD_LIFETIME_MS = 6 * 3_600_000;
/** D3: a record that claims to live longer is refused. Twice the lifetime allows for clocks that differ. */
export const MAX_RECORD_LIFETIME_MS = 2 * RECORD_LIFETIME_MS;
/** D2: how often a live streamer announces itself anew. */
export const ANNOUNCE_MS = 60_000;

/** V1: channels of one list. More are a search engine's matter. */
export const MAX_LISTED_CHANNELS = 500;
/** V2: a list's changes are told at most this often. */
export const LIST_MS = 1_000;
/** V3: a streamer takes a snapshot this often. */
export const SNAPSHOT_MS = 30_000;
/** V3: the picture of a snapshot, in bytes and in pixels of its longer side. */
export const MAX_SNAPSHOT_BYTES = 24_576;
export const MAX_SNAPSHOT_SIDE = 320;
