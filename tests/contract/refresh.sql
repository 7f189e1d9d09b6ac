-- Rolls up what is touched.

call refresh(1000)
