-- How is what follows done?

explain (analyze, format json)
