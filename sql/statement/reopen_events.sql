-- Takes again what lies after the raw events that were dropped.

update raw_floor set closed = floor
