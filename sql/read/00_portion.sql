-- The part of a segment's quantity that lies between two instants. Rounded cumulatively from the segment's start, so
-- the parts of neighbouring ranges add up to the whole exactly.

create function portion(
    quantity numeric, segment_from timestamptz, segment_to timestamptz, lo timestamptz, hi timestamptz
) returns numeric
language sql immutable parallel safe
return round(
    quantity * extract(epoch from least(hi, segment_to) - segment_from) / extract(epoch from segment_to - segment_from),
    12
) - round(
    quantity * extract(epoch from greatest(lo, segment_from) - segment_from)
    / extract(epoch from segment_to - segment_from),
    12
);
