-- Takes a draft's lines, shares and members away, before they are written anew; what is final refuses that.

with shares as (
    delete from invoice_share where invoice_id = %(invoice_id)s
),

members as (
    delete from invoice_member where invoice_id = %(invoice_id)s
)

delete from invoice_line where invoice_id = %(invoice_id)s
