using Fathom.BuiltinModel.Corpus.Plots;

namespace Fathom.BuiltinModel.Corpus;

/// <summary>All plots, and the drawing of one.</summary>
internal static class StoryBook
{
    private static readonly Action<Story, Cast>[] s_plots =
    [
        LostAndFound.Tell, BirthdayGift.Tell, StormShelter.Tell, AnimalFriend.Tell, BrokenThing.Tell, Sharing.Tell,
        Courage.Tell, GardenHarvest.Tell, Race.Tell, KindHelp.Tell, HiddenBox.Tell, Baking.Tell, AnimalFriend.Tell,
    ];

    /// <summary>A story with a plot.</summary>
    public static Story Draw(SeededRandom random)
    {
        var story = new Story(random);
        var cast = new Cast(random);
        random.Pick(s_plots)(story, cast);
        return story;
    }

    /// <summary>A short record of who moved what where.</summary>
    public static Story DrawMoves(SeededRandom random)
    {
        var story = new Story(random);
        MovingThings.Tell(story, new Cast(random));
        return story;
    }

    /// <summary>A few facts without a plot.</summary>
    public static Story DrawFacts(SeededRandom random)
    {
        var story = new Story(random);
        SmallFacts.Tell(story, new Cast(random));
        return story;
    }
}
