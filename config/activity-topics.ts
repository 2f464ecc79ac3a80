// The topics Logdrive itself writes: one for each kind of activity, and `logs`.

/** Topics of activity, in the order they are shown. */
export const activityTopics: readonly string[] = [
  'page_views',
  'clicks',
  'searches',
  'metrics',
  'errors',
  'events',
  'identities',
  'logs',
]
