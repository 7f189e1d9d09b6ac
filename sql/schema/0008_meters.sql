-- Meters of a team's own: all the ways to add up, what a unique count counts, which statuses are billed, and versions.

alter table meter drop constraint meter_aggregation_check;
alter table meter drop constraint meter_average_not_billable;
alter table meter add column per text check (per in ('second', 'minute', 'hour', 'day', 'month'));
alter table meter add column unique_of text check (unique_of ~ '^(member|attributes\.[^\u0001-\u001f]{1,100})$');
alter table meter add column percentile numeric check (percentile > 0 and percentile < 100);
alter table meter add column gap_rule text check (gap_rule in ('hold', 'zero', 'exclude'));
alter table meter add column gap_seconds bigint check (gap_seconds between 1 and 2678400);
alter table meter add column billable_statuses text [] check (cardinality(billable_statuses) > 0);
alter table meter add column version integer not null default 1;
alter table meter add column archived_at timestamptz;

update meter set per = case when per_month then 'month' else 'hour' end
where aggregation = 'time_weighted';

-- Failed calls are recorded, not billed: for calls, and for what is counted by the call. Resources are used all the same.
update meter set billable_statuses = '{1xx,2xx,3xx}'
where team_id is null and (slug in ('requests', 'documents', 'embedding', 'tts', 'stt') or slug like 'tokens.%');

alter table meter add constraint meter_aggregation_check check (
    aggregation in (
        'sum', 'count', 'min', 'max', 'average', 'latest', 'unique', 'percentile', 'time_weighted'
    )
);
-- What does not add up over series and buckets is for people to look at.
alter table meter add constraint meter_additive_if_billable check (
    not billable or aggregation in ('sum', 'count', 'time_weighted')
);
alter table meter add constraint meter_unique_of_what check ((aggregation = 'unique') = (unique_of is not null));
alter table meter add constraint meter_percentile_which check (
    (aggregation = 'percentile') = (percentile is not null)
);
alter table meter add constraint meter_per_time check ((aggregation = 'time_weighted') = (per is not null));
alter table meter add constraint meter_per_month check (per_month = (per is not distinct from 'month'));
alter table meter add constraint meter_gaps_of_levels check (gap_rule is null or aggregation = 'time_weighted');
alter table meter add constraint meter_gap_with_length check ((gap_rule is null) = (gap_seconds is null));
alter table meter add constraint meter_scaled_if_added check (
    (level_scale = 1 and divisor = 1) or aggregation in ('sum', 'time_weighted')
);

-- Prices name meters by slug, so a team's meter never bears the name of one of the catalogue, whichever comes first. The
-- ranges are points but for the catalogue's, which reaches over all teams.
create type slug_range as range (subtype = text, collation = "C");
alter table meter add constraint meter_slug_is_free exclude using gist (
    slug_range(slug, slug, '[]') with &&, int8range(team_id, team_id, '[]') with &&
);
