namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>Two children want one thing; a third has an idea.</summary>
internal static class Sharing
{
    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero, friend = c.Friend, third = c.Third;
        string thing = c.Item.Name;
        Scene.Open(s, c);
        Scene.GoTogether(s, c);
        string spot = s.Random.Pick(c.Place.Spots);
        s.Say($"{spot} they found {English.A(c.Thing)}.", $"They found {English.A(c.Thing)} {spot}.");
        s.Ask($"They found {English.A(c.Thing)}.", "What did they find?", $"What did {hero.Name} and {friend.Name} find?");
        s.Ask($"The {thing} was {spot}.", $"Where was the {thing}?", $"Where did they find the {thing}?");
        Scene.AskColour(s, thing, c.Colour);
        s.Say($"\"It is mine!\" said {hero.Name}. \"No, it is mine!\" said {friend.Name}.", $"{hero.Name} wanted it, and {friend.Name} wanted it too.");
        s.Say("They both pulled at it and shouted.", "They became angry and did not talk any more.");
        s.Ask($"They were angry because they both wanted the {thing}.", "Why were they angry?", $"Why were {hero.Name} and {friend.Name} angry?", "Why did they shout?");
        s.Paragraph();
        s.Say($"Then a {third.Child} named {third.Name} came by.", $"{third.Name}, {English.A(third.Child)} from the village, heard them.");
        s.Ask($"{third.Name} came by.", "Who came by?", "Who had an idea?", "Who helped them?");
        string plan = s.Random.Pick(["take turns", "play with it together", "give it back to its owner", "share it"]);
        s.Say($"\"You can {plan},\" said {third.Name}.", $"{third.Name} said, \"Why do you not {plan}?\"");
        s.Ask($"{third.Name}'s idea was to {plan}.", $"What was {third.Name}'s idea?", $"What did {third.Name} say?", "What was the idea?");
        s.Say($"{hero.Name} and {friend.Name} thought about it and smiled.", "That was a good idea.", $"\"You are right,\" said {hero.Name}.");
        s.Say($"{friend.Name} said sorry, and {hero.Name} said sorry too.", "They said sorry to each other.");
        s.Say($"Then all three ate {c.Food} {c.Place.At}.", $"In the end they all went to eat some {c.Food}.");
        s.Ask($"They ate {c.Food}.", "What did they eat?");
        s.Ask($"At the end they were friends again.", "How does the story end?", "What happened at the end?", "Were they friends at the end?");
        Scene.Close(s, c);
        s.Topic("sharing");
        s.Topic("friends");
        s.Topic(English.A(c.Thing));
        s.SummedUpAs($"{hero.Name} and {friend.Name} both want {English.A(c.Thing)}, and {third.Name} has an idea.");
    }
}
