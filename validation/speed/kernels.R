# Time one estimator of R inside one process: Rscript kernels.R SIDE NAME DATA.csv SECONDS
# prints a line of JSON as kernels.py does. SIDE is R or fastcmprsk.
arguments <- commandArgs(trailingOnly = TRUE)
side <- arguments[1]
name <- arguments[2]
budget <- as.numeric(arguments[4])
suppressPackageStartupMessages({
  library(data.table)
  library(jsonlite)
  if (name %in% c("survival", "cox")) library(survival)
  if (name == "match") library(MatchIt)
  if (name %in% c("fine_gray", "incidence")) library(cmprsk)
  if (side == "fastcmprsk") library(fastcmprsk)
})
d <- fread(arguments[3], data.table = FALSE)
terms <- c("age", "size", "histology", "grade", "er", "pr", "her2", "t", "n", "year")
X <- as.matrix(d[c(terms, "group")])
storage.mode(X) <- "double"
d$dead <- as.integer(d$event > 0)

last <- function(curve) curve$est[length(curve$est)]
fit <- switch(paste(side, name),
  "R fine_gray" = function(d, X) crr(d$time, d$event, X),
  "R incidence" = function(d, X) cuminc(d$time, d$event, d$group, cencode = 0),
  "R survival" = function(d, X) list(
    curves = survfit(Surv(time, dead) ~ group, d),
    test = survdiff(Surv(time, dead) ~ group, d)
  ),
  "R cox" = function(d, X) coxph(reformulate(c(terms, "group"), "Surv(time, dead)"), d),
  # the year is a term of the models only
  "R match" = function(d, X) matchit(reformulate(head(terms, -1), "group"), d, method = "nearest",
    distance = "glm", link = "linear.logit", ratio = 2, caliper = 0.2),
  # with its bootstrap it would fit the model a hundred times more
  "fastcmprsk fine_gray" = function(d, X) fastCrr(Crisk(d$time, d$event) ~ X, variance = FALSE)
)
answer <- switch(name,
  fine_gray = function(fit) if (side == "R") {
    list(coef = unname(fit$coef), se = sqrt(diag(fit$var)))
  } else {
    list(coef = unname(fit$coef))
  },
  incidence = function(fit) list(
    test = unname(fit$Tests[, 1]),
    last = sort(unname(sapply(fit[names(fit) != "Tests"], last)))
  ),
  survival = function(fit) list(
    test = fit$test$chisq,
    last = sort(unname(fit$curves$surv[cumsum(fit$curves$strata)]))
  ),
  cox = function(fit) list(coef = unname(coef(fit)), se = unname(sqrt(diag(vcov(fit))))),
  match = function(fit) list(
    score = c(mean(fit$distance), sqrt(mean((fit$distance - mean(fit$distance))^2))),
    controls = sum(fit$weights > 0 & d$group == 0)
  )
)

few <- c(head(which(d$group == 1), 500), head(which(d$group == 0), 1500))
invisible(suppressWarnings(fit(d[few, ], X[few, ])))  # R compiles functions as they are used
seconds <- numeric()
began <- proc.time()[["elapsed"]]
while (length(seconds) < 5 &&
  (!length(seconds) || proc.time()[["elapsed"]] - began < budget)) {
  gc()
  started <- as.numeric(Sys.time())
  result <- suppressWarnings(fit(d, X))
  seconds <- c(seconds, as.numeric(Sys.time()) - started)
}
status <- readLines("/proc/self/status")
peak <- as.numeric(gsub("[^0-9]", "", grep("^VmHWM", status, value = TRUE)))
package <- if (side == "R") {
  switch(name, match = "MatchIt", fine_gray = , incidence = "cmprsk", "survival")
} else {
  side
}
cat(toJSON(list(seconds = median(seconds), memory = peak * 1024 / 1e6,
  version = as.character(packageVersion(package)), answer = lapply(answer(result), I)),
  auto_unbox = TRUE, digits = NA), "\n")
