-- What a series is labelled with under a name: member, service and key are labels like any dimension.

create function label(name text, member text, service text, key text, dimensions jsonb) returns text
language sql immutable parallel safe
return case name when 'member' then member when 'service' then service when 'key' then key else dimensions ->> name end;
