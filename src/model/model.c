#include <spoke/model.h>

static bool in_component(const spoke_member *member, spoke_str component)
{
    return spoke_str_equal(spoke_str_of(member->component), component);
}

const spoke_member *spoke_model_find(const spoke_model *model, spoke_member_kind kind, spoke_str component,
                                     spoke_str name)
{
    for (size_t i = 0; model != NULL && i < model->member_count; i++) {
        const spoke_member *member = &model->members[i];
        if (member->member == kind && in_component(member, component) &&
            spoke_str_equal(spoke_str_of(member->name), name))
            return member;
    }
    return NULL;
}

bool spoke_model_has_component(const spoke_model *model, spoke_str component)
{
    for (size_t i = 0; model != NULL && i < model->member_count; i++) {
        if (in_component(&model->members[i], component))
            return true;
    }
    return false;
}
