-- How is what follows done, row by row and page by page?

explain (analyze, buffers, format json)
