# MatchIt >= 4.7.2 only: Rscript matchit_random.R problems.json answers.json
# For each problem the pairs as rows (from 1), by exposed row and round, and, where the order is
# random, the exposed rows in the order that R drew.
suppressMessages(library(MatchIt))

answer <- function(problem) {
  d <- data.frame(score = problem$score, exposed = problem$exposed)
  exact <- NULL
  candidates <- which(d$exposed == 1)
  if (length(problem$exact)) {
    d$block <- problem$exact
    exact <- ~block
    candidates <- which(d$exposed == 1 & d$block %in% d$block[d$exposed == 0])
  }
  set.seed(problem$seed)
  sequence <- integer()
  if (problem$order == "random") sequence <- candidates[sample.int(length(candidates))]
  set.seed(problem$seed)
  m <- tryCatch(
    suppressWarnings(matchit(exposed ~ score, d, method = "nearest", distance = d$score,
      ratio = problem$ratio, caliper = problem$caliper, m.order = problem$order, exact = exact)),
    error = function(e) if (grepl("[Nn]o (matches|units)", conditionMessage(e))) NULL else stop(e)
  )
  if (is.null(m)) return(list(exposed = list(), control = list(), sequence = list()))
  pairs <- matrix(as.integer(m$match.matrix), nrow = sum(d$exposed))
  found <- which(!is.na(pairs), arr.ind = TRUE)
  found <- found[order(found[, 1], found[, 2]), , drop = FALSE]
  list(exposed = I(which(d$exposed == 1)[found[, 1]]), control = I(pairs[found]),
       sequence = I(sequence))
}

files <- commandArgs(TRUE)
problems <- jsonlite::fromJSON(files[1], simplifyDataFrame = FALSE)
answers <- list(version = as.character(packageVersion("MatchIt")),
                answers = lapply(problems, answer))
writeLines(jsonlite::toJSON(answers, auto_unbox = TRUE), files[2])
