/* Inside story/. */
#ifndef STORY_INTERNAL_H
#define STORY_INTERNAL_H

#include "story/story.h"

/* parts.c */
/* Tells of the candidates, one after the other; STATUS_OK when there are no more. */
MUST_CHECK enum status parts_tell(struct step *step, struct story *story);
/* Tells of some of those that do not match. */
MUST_CHECK enum status others_tell(struct step *step, struct story *story);
/* Lets others have the thread after some work: STATUS_WAIT when it is time for that. */
MUST_CHECK enum status story_yield(struct step *step, struct story *story);

#endif
