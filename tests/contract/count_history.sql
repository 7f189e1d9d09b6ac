-- How much history there is: corrections and rows of theirs.

select (select count(*) from correction), (select count(*) from corrected_event)
