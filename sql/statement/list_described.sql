-- What a sender has said of the kind of metrics, apart from their points.

select name, kind from described where team_id = %(team_id)s and source = %(source)s and kind <> 'unknown'
