-- Ends a subscription.

update subscription set ends_at = %(at)s
where id = %(id)s
