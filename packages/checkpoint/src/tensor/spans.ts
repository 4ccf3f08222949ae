/** Bytes [begin, end) of a source, and where in the result they go. */
export interface Place {
  readonly begin: number;
  readonly end: number;
  readonly at: number;
}

/** What is read in one go: bytes [begin, end) of a source, of which the places are wanted. */
export interface Span<P extends Place = Place> {
  begin: number;
  end: number;
  readonly places: P[];
  /** Where all of it goes as it is; null if it has gaps, or is to be spread. */
  readonly at: number | null;
}

/**
 * Joins places of one source into what is best read together, in the order of the source. Places that follow
 * each other there as in the result are one stretch. Stretches of less than `short` bytes share a span with their
 * neighbours if less than that lies between them, for reading a gap costs less than another read; such a span
 * stays within `most` bytes.
 */
export function spansOf<P extends Place>(places: readonly P[], short: number, most: number): Span<P>[] {
  const spans: Span<P>[] = [];
  for (const stretch of stretchesOf(places)) {
    const last = spans.at(-1);
    // Chosen twice, a row lies within what is there.
    const end = Math.max(last?.end ?? 0, stretch.end);
    const isNear =
      last &&
      (last.at === null || isShort(last, short)) &&
      isShort(stretch, short) &&
      stretch.begin - last.end < short &&
      end - last.begin <= most;
    if (!isNear) {
      spans.push(stretch);
      continue;
    }
    const joined = { begin: last.begin, end, places: last.places, at: null };
    for (const place of stretch.places) joined.places.push(place);
    spans[spans.length - 1] = joined;
  }
  return spans;
}

function stretchesOf<P extends Place>(places: readonly P[]): Span<P>[] {
  const stretches: Span<P>[] = [];
  for (const place of [...places].sort((a, b) => a.begin - b.begin || a.at - b.at)) {
    const last = stretches.at(-1);
    if (last && place.begin === last.end && place.at - last.at! === place.begin - last.begin) {
      last.end = place.end;
      last.places.push(place);
    } else {
      stretches.push({ begin: place.begin, end: place.end, places: [place], at: place.at });
    }
  }
  return stretches;
}

const isShort = ({ begin, end }: Span, short: number): boolean => end - begin < short;
